PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE pictures (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    path TEXT NOT NULL UNIQUE, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, sha256 BLOB NOT NULL
);
INSERT INTO pictures VALUES(1,'/pictures/aurora/aurora-0001.jpg',19148,1795814544404186167,X'ea63c05aa587f003e10ac449325e0739a2c4948891f772928225b1caeaa3f8e5');
INSERT INTO pictures VALUES(3,'/pictures/beach/beach-0001.jpg',36938,1795814544452584535,X'62a1c195e6a01c0e3e6b8e1d66b8f2f0fd92737853ae1ab9d91193b834e1719b');
INSERT INTO pictures VALUES(4,'/pictures/bird/bird-0001.jpg',27906,1795814544469057127,X'363c1dc7cf759aaa34e727d5357250038b8c088ea6b2bbff2643c3c91cc98354');
INSERT INTO pictures VALUES(5,'/pictures/butterfly/butterfly-0001.jpg',38536,1795814544486516402,X'ebb1f8f64531040970b772f8345a1f64c274840077931ac550f06ba95e8b1423');
INSERT INTO pictures VALUES(6,'/pictures/car/car-0001.jpg',26658,1795814544502724799,X'bb47df37d8da56f11bdd38b61de4a95f3470c3c8e3372d2888ba6ece0892094b');
INSERT INTO pictures VALUES(7,'/pictures/cat/cat-0001.jpg',26407,1795814544531922140,X'ed4942e1a805ef7b887321b96ac681b98fa299d0afb15177629fb95f017ee286');
INSERT INTO pictures VALUES(8,'/pictures/desert/desert-0001.jpg',22543,1795814544550844911,X'637f6e8014686d7c913fa8f268b15d215c785d147dd8f8a2b003d34bfcbe7d3a');
INSERT INTO pictures VALUES(9,'/pictures/face/face-0001.jpg',30573,1795814544583377703,X'cfd447f21fef5883e5adb06b999061ea010cafb6645232e4c32fa49627c6e1df');
INSERT INTO pictures VALUES(10,'/pictures/fish/fish-0001.jpg',24901,1795814544599448085,X'97765aca63ab4064332fb887092a044325ec10aa4c242f5b7c8a064e5bd54553');
INSERT INTO pictures VALUES(11,'/pictures/flower/flower-0001.jpg',21678,1795814544631494750,X'15190964e176f4a582d9ff152065f602c17c76768ace51a1c138a119b4bdeb1b');
INSERT INTO pictures VALUES(12,'/pictures/forest/forest-0001.jpg',32059,1795814544673408938,X'ec125555ef85b54a005bf88ca95fd97982319297551e0dc6df1ad9eb853e2dc0');
INSERT INTO pictures VALUES(13,'/pictures/fruit/fruit-0001.jpg',29473,1795814544694223693,X'56dce6b81462a85216e9094b49eb4bd574195977f9aa21f9a5b23478d25fa7b3');
INSERT INTO pictures VALUES(14,'/pictures/house/house-0001.jpg',26761,1795814544716684347,X'a3bb6b4bc7105a489ed149501573458f075c2876d442e76a35c26943c8613123');
INSERT INTO pictures VALUES(15,'/pictures/lake/lake-0001.jpg',30779,1795814544740229043,X'76750665960ca1d9735143a143377996685b72d7253bfc35b0cdef7f315a1e25');
INSERT INTO pictures VALUES(16,'/pictures/lighthouse/lighthouse-0001.jpg',19869,1795814544755744015,X'f71d61e06e257827adda1bddb1f1cf93cd3448ef484b2cbfd953d995df7c98ea');
INSERT INTO pictures VALUES(17,'/pictures/sailboat/sailboat-0001.jpg',26618,1795814544764657323,X'ae4b4af2cee647f89605660fa68edeb6aa548fe10e603c0a59697870ae2a8d27');
INSERT INTO pictures VALUES(18,'/pictures/skyline/skyline-0001.jpg',31945,1795814544776309630,X'1e08074cb70cdd8a0124f76da3f01d1c7524475f492bb1aa572a30d60c1ae8b9');
INSERT INTO pictures VALUES(19,'/pictures/sunset/sunset-0001.jpg',22673,1795814544788518221,X'b4821357051f56f6071a1086a73a0d09cb74bd78d47c7793102db9e135e6b1aa');
INSERT INTO pictures VALUES(21,'/pictures/o''clock.jpg',1234,1795814600000000000,X'f0f5e664bfd87edb1f95e78d7310990879d3cfc307b3cabaa627b9d849c4f72c');
CREATE TABLE failures (path TEXT PRIMARY KEY, reason TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO failures VALUES('/pictures/broken.jpg','The picture''s header is damaged or cut short: save or copy it anew.');
INSERT INTO failures VALUES('/pictures/notes.txt.jpg','It is a text.');
CREATE TABLE codes (
    picture INTEGER NOT NULL REFERENCES pictures(id) ON DELETE CASCADE,
    codec_id TEXT NOT NULL, generation INTEGER NOT NULL, code BLOB NOT NULL,
    PRIMARY KEY (picture, codec_id)
) WITHOUT ROWID;
INSERT INTO codes VALUES(1,'8ca9bde30faeed80db45a69d3d6cceb40411dc226b1baf82493d15fb93ad3617',1,X'3ec67f12fcba022993baf294a0338012d27ab6fcf9f33b950b0a4571d3ff9da1');
INSERT INTO codes VALUES(1,'cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc',3,X'5f82c2d9cfeb0fa3');
INSERT INTO codes VALUES(3,'8ca9bde30faeed80db45a69d3d6cceb40411dc226b1baf82493d15fb93ad3617',1,X'6e2b7a01fdb0455a93e3970782a2fe12b55f8fe0f1d7059927823fd4d1f693c6');
INSERT INTO codes VALUES(3,'cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc',3,X'21d7d982f8bd1045');
INSERT INTO codes VALUES(4,'8ca9bde30faeed80db45a69d3d6cceb40411dc226b1baf82493d15fb93ad3617',1,X'e05c78d5c860f2a77b7db4effb75cecf4661fd52c7dd5c928ee7fa782f7ebd59');
INSERT INTO codes VALUES(4,'cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc',3,X'b8e8cd4ea93d7d0a');
INSERT INTO codes VALUES(5,'8ca9bde30faeed80db45a69d3d6cceb40411dc226b1baf82493d15fb93ad3617',1,X'e5ff60ecbb68a0e75b71bd87cbd56ccd45c3f9532377d0d880e1fa5d79bed458');
INSERT INTO codes VALUES(5,'cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc',3,X'1df04213b6273b04');
INSERT INTO codes VALUES(6,'8ca9bde30faeed80db45a69d3d6cceb40411dc226b1baf82493d15fb93ad3617',1,X'6ae37e03bcf01fa393b2968525b4f412d16f94f8f853a1d983487bc1ddbffca3');
INSERT INTO codes VALUES(6,'cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc',3,X'3b51de2c787a32d0');
INSERT INTO codes VALUES(7,'8ca9bde30faeed80db45a69d3d6cceb40411dc226b1baf82493d15fb93ad3617',1,X'f03da6fd6c29f0795ad639b6f44aceac9cd5d84f7587dd645ebdc83e0c5d5c50');
INSERT INTO codes VALUES(7,'cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc',3,X'4e1c40a67959aae9');
INSERT INTO codes VALUES(8,'8ca9bde30faeed80db45a69d3d6cceb40411dc226b1baf82493d15fb93ad3617',1,X'7e69f8abfd921bb9a1e2a286b4dae402155b87a9c576955f9d526a42d0b59685');
INSERT INTO codes VALUES(8,'cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc',3,X'7fb2ed80717b4c9b');
INSERT INTO codes VALUES(9,'8ca9bde30faeed80db45a69d3d6cceb40411dc226b1baf82493d15fb93ad3617',1,X'b314727e467d319b5139c199e48e06d089018ed61b1a983ad15d3a00f8e91472');
INSERT INTO codes VALUES(9,'cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc',3,X'459a82f85f49c0ba');
INSERT INTO codes VALUES(10,'8ca9bde30faeed80db45a69d3d6cceb40411dc226b1baf82493d15fb93ad3617',1,X'4abdf98ef25db8f1c9e1ae9c5eaca48d2ced8e6beeb1e01bc731280ee0a39453');
INSERT INTO codes VALUES(10,'cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc',3,X'bf7fdca1e7012b8b');
INSERT INTO codes VALUES(11,'8ca9bde30faeed80db45a69d3d6cceb40411dc226b1baf82493d15fb93ad3617',1,X'c8efe9df8a7f85865333fd7d5aad46196b43cbb256cd30f9abf17f1c07a8dd6b');
INSERT INTO codes VALUES(11,'cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc',3,X'edbf568f07e860ef');
INSERT INTO codes VALUES(12,'8ca9bde30faeed80db45a69d3d6cceb40411dc226b1baf82493d15fb93ad3617',1,X'1f8dd4259a271a37adf4ec67ff1faac544e99efbb9f14c16b42492032a86a7de');
INSERT INTO codes VALUES(12,'cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc',3,X'4c3700474dc7dbd0');
INSERT INTO codes VALUES(13,'8ca9bde30faeed80db45a69d3d6cceb40411dc226b1baf82493d15fb93ad3617',1,X'2e587a05b881377be37db19d4e5640d2d142a52ba91d1f13c424b262bdff97d3');
INSERT INTO codes VALUES(13,'cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc',3,X'b090beab6878b300');
INSERT INTO codes VALUES(14,'8ca9bde30faeed80db45a69d3d6cceb40411dc226b1baf82493d15fb93ad3617',1,X'6fedb221f4382e5a06c07833d49bf4cb11dabefb81270117a4a7713953d66fb6');
INSERT INTO codes VALUES(15,'8ca9bde30faeed80db45a69d3d6cceb40411dc226b1baf82493d15fb93ad3617',1,X'2e8abe10fa961e7597e5f41444327506b65a97fde9d73311bf813b79d3a583e4');
INSERT INTO codes VALUES(16,'8ca9bde30faeed80db45a69d3d6cceb40411dc226b1baf82493d15fb93ad3617',1,X'7f8ffb01bab848f081f1dc0787abf883114ebef1ef73e61977e32bd5d0979242');
INSERT INTO codes VALUES(17,'8ca9bde30faeed80db45a69d3d6cceb40411dc226b1baf82493d15fb93ad3617',1,X'2e88fa0ad6964cd991e1ce5484a8f8c7105f86ecdb73e3171f833b43d094824e');
INSERT INTO codes VALUES(18,'8ca9bde30faeed80db45a69d3d6cceb40411dc226b1baf82493d15fb93ad3617',1,X'7ec5db0bd43011b095fa3aa2a76fb65255e194fedc13b117b608710089e5b581');
INSERT INTO codes VALUES(19,'8ca9bde30faeed80db45a69d3d6cceb40411dc226b1baf82493d15fb93ad3617',1,X'6e87ff08dcfd58b191828ed1a5abee56956d94fc5c53e13dd7133d01ca9f9642');
INSERT INTO codes VALUES(21,'8ca9bde30faeed80db45a69d3d6cceb40411dc226b1baf82493d15fb93ad3617',5,X'0e7fdb163a4bf9dc2e79a805d9339d8a3812951420ebb94cf1d6267bcf3a356c');
INSERT INTO codes VALUES(21,'cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc',5,X'0ca33a673df53f07');
CREATE TABLE removals (picture INTEGER PRIMARY KEY, generation INTEGER NOT NULL);
INSERT INTO removals VALUES(2,2);
INSERT INTO removals VALUES(20,4);
CREATE TABLE codecs (
    codec_id TEXT PRIMARY KEY, bits INTEGER NOT NULL, model TEXT NOT NULL,
    purpose TEXT NOT NULL, current INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO codecs VALUES('8ca9bde30faeed80db45a69d3d6cceb40411dc226b1baf82493d15fb93ad3617',256,'photos','alike',1);
INSERT INTO codecs VALUES('cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc',64,'copies','same',1);
CREATE TABLE generations (number INTEGER PRIMARY KEY, token TEXT NOT NULL);
INSERT INTO generations VALUES(2,'533bb69efa45401a46e8ed37cf396957');
INSERT INTO generations VALUES(3,'6f47bdb83aa58891d77cdf9e853d7537');
INSERT INTO generations VALUES(4,'c94d73b1dc70ab332a5a8aa59560a9ba');
INSERT INTO generations VALUES(5,'fa98c61d006204dcc5d3fd7d65717650');
CREATE TABLE identity (id TEXT NOT NULL, created REAL NOT NULL);
INSERT INTO identity VALUES('23ea8bb14bf7431dadba8deb05e81844',1795814544.837698698);
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('pictures',21);
CREATE INDEX codes_by_generation ON codes (generation);
CREATE INDEX removals_by_generation ON removals (generation);
CREATE UNIQUE INDEX current_codecs ON codecs (purpose) WHERE current;
CREATE VIEW library AS
    SELECT 2 AS format, id, created, (SELECT max(number) FROM generations) AS generation, codec_id, bits, model
    FROM identity, codecs WHERE purpose = 'alike' AND current;
COMMIT;
PRAGMA application_id=1396853827;
PRAGMA user_version=2;

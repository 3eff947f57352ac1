#!/bin/sh
# A TypeScript client of a running service's document, made by two generators, checked by tsc and used by search.ts.
# Needs node, npm and the package registry:  tests/api/typescript/run.sh http://127.0.0.1:8000 /a/picture/of/the/library.jpg
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$here/search.ts" "$work/"
cd "$work"
echo '{"name": "made", "private": true, "type": "module"}' > package.json
npm install --silent --no-audit --no-fund @hey-api/openapi-ts@0.95 openapi-typescript@7 typescript@5 @types/node@20 esbuild@0.25
npx openapi-typescript "$1/v1/openapi.json" -o types.d.ts
npx openapi-ts -i "$1/v1/openapi.json" -o made
npx tsc --strict --noEmit --skipLibCheck --target es2022 --module esnext --moduleResolution bundler --types node search.ts types.d.ts
npx esbuild search.ts --bundle --platform=node --format=esm --log-level=warning --outfile=search.mjs
node search.mjs "$1" "$2"

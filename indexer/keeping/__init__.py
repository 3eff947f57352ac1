"""What is done with a library as a whole: how it stands, verify and repair, backup, restore, export, import, remove."""

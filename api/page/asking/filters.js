/** Narrowing: by folder, dates, camera, place and size, of which each is a chip that can be taken back. */

export function showFilters() {}

export function listenForFilters() {}

"""What stands between a socket and the app: connections, proxies, names, room for uploads."""

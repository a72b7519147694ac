"""What stands between a transport and the engines: the call path, which keeps one conversation over all of them."""

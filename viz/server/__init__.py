"""The server below the pages: settings, checks of requests, caches, queue and worker processes."""

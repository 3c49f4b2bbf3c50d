"""The server below the pages: settings, what is let in, the queue, the worker processes."""

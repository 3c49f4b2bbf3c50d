"""What plots show, described without a drawing library, and the plots of core's results."""

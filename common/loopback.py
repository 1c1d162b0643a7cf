"""The names by which a machine calls itself: nobody else can be behind them."""

LOOPBACK = ("127.0.0.1", "localhost", "::1")

"""The certification cases for a central system, each driven by a station on the `ocpp` package."""

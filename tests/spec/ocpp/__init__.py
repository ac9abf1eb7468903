"""OCPP messages and frames, valid and invalid, of three versions."""

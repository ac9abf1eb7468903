"""OCPP itself: frames, messages, and their translation into reports, without any I/O."""

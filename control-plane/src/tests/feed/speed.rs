//! How soon an event is at a WebSocket: a measurement, not a check.

"""Sessions of clients: the control gate, and what other gateways stand on."""

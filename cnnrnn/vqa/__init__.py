"""Questions about pictures, answered, with the proof of where the network looked."""

"""Bytes on the wire: frames, their encoding, and the envelope that carries them between machines."""

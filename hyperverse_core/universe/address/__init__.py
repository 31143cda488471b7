"""Points, surfaces, star keys and templates: how a particle is named."""

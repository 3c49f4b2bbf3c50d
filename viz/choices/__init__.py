"""Settings and widgets that several pages share: a picture, a layer, a network, a unit."""

"""What several pages let a visitor choose: a layer, a network, a unit of it."""

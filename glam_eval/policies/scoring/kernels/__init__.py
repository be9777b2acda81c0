"""What a forward pass spends its time on, by hand: compiled from C where it can be, else in torch."""

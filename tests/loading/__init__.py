"""What the soak, the reload and the overload runs share."""

"""What PACER imports: assignment, exposure log, feedback log. Light: the standard library and OpenFeature."""

"""The prober's side that uses the platform as its users do."""

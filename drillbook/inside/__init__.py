"""What runs on a host or in a sandbox: standard library only, since hosts have nothing else."""

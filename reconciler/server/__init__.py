"""What a daemon serves: how it is, its metrics, and where the service's notifications arrive. Decides nothing."""

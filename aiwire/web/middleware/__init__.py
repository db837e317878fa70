"""What stands between the network and Datasette: rules of the profiles, a gate for slow requests, safe CSVs."""

"""A Dask cluster, as stages 1 and 2 both use one."""

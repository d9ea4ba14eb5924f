"""Components: what a trainer does beside training, one file each, called through hooks.

A component that fails is reported and switched off; training goes on. Importing the package loads no torch: the
settings of components are read where there is none.
"""

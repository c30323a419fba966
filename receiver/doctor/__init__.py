"""`ship doctor`: compares what is there with what the planners say should be, and repairs it.

A finding is a value with its sentence; each kind of thing that is looked at has a module here. It
imports every room that plans something, and nothing imports it but the command line.
"""

"""One run of a study, from nothing or from its last checkpoint to all of its results, whoever launches it."""

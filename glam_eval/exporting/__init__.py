"""Studies and trained models in the forms of others: result schemas, data sets and models of hubs."""

"""What the three stages exchange in files: records, similarities, changes of APIs."""

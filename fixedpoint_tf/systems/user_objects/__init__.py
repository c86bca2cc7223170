"""Objects of the user: called without side effects, and watched for changes."""

"""Photos: any file as upright RGB, or one sentence that says why not."""

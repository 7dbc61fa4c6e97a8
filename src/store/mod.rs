// Laid out in the next steps.

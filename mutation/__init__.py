"""Which changes to the code the tests would not notice, and why that is well."""

"""Tasks that verify claims: SciFact, HealthVer, NLI4CT, COVID-Fact."""

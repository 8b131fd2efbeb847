module github.com/soteria-dr/soteria/e2e/tools/treetool

go 1.26.0

require golang.org/x/sys v0.49.0

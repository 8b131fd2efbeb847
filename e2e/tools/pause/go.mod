module github.com/soteria-dr/soteria/e2e/tools/pause

go 1.26

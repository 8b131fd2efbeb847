// Package restictest gives tests the real programs: restic in the versions that
// Soteria supports, an S3 server and a rest-server, all built from the modules
// below e2e/tools. A test that uses it needs Go and, the first time, a minute.
package restictest

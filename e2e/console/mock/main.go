// Command mock serves the console that is built in, before an API that tells of
// as many claims as are asked for and does nothing. The console is measured
// against it, and its looks can be tested without a cluster.
//
//	go run ./e2e/console/mock -claims 10000
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/soteria-dr/soteria/internal/console"
	"github.com/soteria-dr/soteria/internal/httpapi/wire"
)

func main() {
	claims := flag.Int("claims", 2000, "how many claims to tell of")
	listen := flag.String("listen", "127.0.0.1:0", "where to listen")
	flag.Parse()
	if err := serve(*listen, *claims); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "mock:", err)
		os.Exit(1)
	}
}

// serve prints the address that it listens at, alone on a line.
func serve(address string, claims int) error {
	pages, err := console.New()
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", address) //nolint:noctx // it lasts as long as the process
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	fmt.Println("http://" + listener.Addr().String())
	server := &http.Server{Handler: handler(pages, newCluster(claims, time.Now().UTC().Truncate(time.Second))), ReadHeaderTimeout: time.Second}
	return server.Serve(listener)
}

// handler answers each path of the API with what never changes.
func handler(pages http.Handler, c cluster) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", pages)
	for path, answer := range map[string]any{
		"/v1/inventory": c.inventory, "/v1/plan": c.plan, "/v1/policies": c.policies, "/v1/restores": c.restores,
		"/v1/b2": c.bucket, "/v1/backups": c.backups, "/v1/events": c.events, "/v1/status": c.status,
		"/v1/restore-tests": map[string]any{"tests": []any{}},
		"/v1/whoami":        wire.WhoAmI{User: "anonymous", Groups: []string{}, How: "none"},
	} {
		text, err := json.Marshal(answer)
		if err != nil {
			panic(err) // no type of package wire can fail to be written
		}
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(text)
		})
	}
	mux.HandleFunc("/v1/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusNotFound)
		_, _ = fmt.Fprintln(w, `{"error":"the mock does nothing","code":"not_found"}`)
	})
	return mux
}

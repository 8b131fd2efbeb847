// Command serve serves the console that is built in, as Soteria does, in front of
// an API elsewhere. The console is measured and tried out so without a cluster:
// the API is then the made-up one of internal/console/app.
//
//	go run ./e2e/console/serve -api http://127.0.0.1:8090
package main

import (
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"time"

	"github.com/soteria-dr/soteria/internal/console"
)

func main() {
	api := flag.String("api", "http://127.0.0.1:8090", "where the API is")
	listen := flag.String("listen", "127.0.0.1:0", "where to listen")
	flag.Parse()
	if err := serve(*listen, *api); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "serve:", err)
		os.Exit(1)
	}
}

// serve prints the address that it listens at, alone on a line.
func serve(address, api string) error {
	target, err := url.Parse(api)
	if err != nil {
		return fmt.Errorf("reading the API's address: %w", err)
	}
	pages, err := console.New()
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", address) //nolint:noctx // it lasts as long as the process
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	fmt.Println("http://" + listener.Addr().String())
	mux := http.NewServeMux()
	mux.Handle("/", pages)
	mux.Handle("/v1/", httputil.NewSingleHostReverseProxy(target))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Second}
	return server.Serve(listener)
}

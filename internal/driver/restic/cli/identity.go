package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"

	"github.com/soteria-dr/soteria/internal/backup"
)

var idPattern = regexp.MustCompile(`^[0-9a-f]{64}$`)

// Runner runs restic on one repository: a [Program], or something around one.
type Runner interface {
	Run(ctx context.Context, in Invocation) error
}

// Identity reads the repository's id out of its config. It takes no lock. An error
// whose cause is [ErrNoRepository] proves that there is none.
func Identity(ctx context.Context, restic Runner) (string, error) {
	id := ""
	err := restic.Run(ctx, Invocation{
		Args: []string{"cat", "config", "--no-lock"},
		Stdout: func(stdout io.Reader) error {
			var config struct {
				ID string `json:"id"`
			}
			err := json.NewDecoder(stdout).Decode(&config)
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			if err != nil {
				return fmt.Errorf("the repository's config: %w", err)
			}
			if !idPattern.MatchString(config.ID) {
				return fmt.Errorf("the repository's config holds no id")
			}
			id = config.ID
			return nil
		},
		Otherwise: backup.Unavailable,
	})
	if err != nil {
		return "", err
	}
	return id, nil
}

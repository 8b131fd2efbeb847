package app

import (
	"os"

	"github.com/sirupsen/logrus"
)

// longhornLogger is the logger of Longhorn's own code. It logs what goes wrong; what it does, our own log and the custom
// resources tell.
func longhornLogger() logrus.FieldLogger {
	standard := logrus.StandardLogger()
	standard.SetOutput(os.Stderr)
	standard.SetFormatter(&logrus.JSONFormatter{})
	standard.SetLevel(logrus.WarnLevel)
	return standard
}

package httpapi

import (
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/httpapi/wire"
)

// causeTitles are the headlines of errors whose reason is known: they name the cause.
var causeTitles = map[backup.Reason]string{
	backup.ChoiceUnmet:          "No backup is what was asked for",
	backup.NoBackups:            "No backup exists",
	backup.BySetting:            "Soteria is not set up for this",
	backup.NamespaceExcluded:    "Soteria keeps out of this namespace",
	backup.NamespaceMissing:     "The target namespace does not exist",
	backup.NamespaceTerminating: "The target namespace is being deleted",
	backup.StorageClassMissing:  "The storage class does not exist",
	backup.TargetExists:         "The target claim exists",
	backup.NoClaims:             "The namespace has no bound claim",
	backup.Missing:              "Something is missing in the request",
	backup.UnknownParameter:     "The request has an unknown parameter",
	backup.NoCopy:               "The claim is no copy that Soteria made",
	backup.Unproved:             "It is not proved that Soteria made this claim",
	backup.InUse:                "A pod uses the copy",
	backup.Coming:               "The answer is on its way",
	backup.ByPermission:         "Kubernetes refuses this",
}

// kindTitles are the headlines of the others.
var kindTitles = map[backup.Kind]string{
	backup.Internal:             "Soteria failed in a way that was not foreseen",
	backup.Invalid:              "The request is not valid",
	backup.Unprocessable:        "This cannot be done with what was named",
	backup.NotFound:             "There is no such thing",
	backup.Conflict:             "Something that exists or is under way rules this out",
	backup.Unauthenticated:      "You are not signed in",
	backup.Denied:               "This is not allowed",
	backup.Busy:                 "Too many requests at once",
	backup.Unavailable:          "It could not be found out",
	backup.Credentials:          "Credentials are missing or were refused",
	backup.RepositoryAbsent:     "The repository does not exist",
	backup.RepositoryChanged:    "The repository is not the one that was expected",
	backup.Partial:              "A part of it was not done",
	backup.DriverFailed:         "The backup system failed",
	backup.BackupMissing:        "A backup that was there is missing",
	backup.RepositoryUnaccepted: "The repository has not been accepted yet",
	backup.RepositoryDropped:    "A backup system that held backups is not configured any more",
}

// refusalTitles are the headlines of what HTTP rules out.
var refusalTitles = map[string]string{
	wire.CodeMethodNotAllowed:     "The path does not answer to this method",
	wire.CodeBodyTooLarge:         "The body is too large",
	wire.CodeUnsupportedMediaType: "The body must be JSON",
}

// title returns the headline of an error.
func title(err error) string {
	if told, known := causeTitles[backup.ReasonOf(err)]; known {
		return told
	}
	return kindTitles[backup.KindOf(err)]
}

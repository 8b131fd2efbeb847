package backup

import "strings"

// Described is what a claim was like when a backup of it was taken, as the
// backup's tags tell it, so that a claim that is gone can be made anew as it was.
// What they do not tell is empty.
type Described struct {
	// Capacity is the volume's size as a Kubernetes quantity, such as "10Gi".
	Capacity     string
	StorageClass string
	AccessModes  []string
}

// The tags that describe the claim. Others may be among a backup's tags.
const (
	capacityTag     = "capacity="
	storageClassTag = "storage-class="
	accessModeTag   = "access-mode="
)

// Tags gives the description as tags.
func (d Described) Tags() []string {
	var tags []string
	for _, tag := range []struct{ prefix, value string }{{capacityTag, d.Capacity}, {storageClassTag, d.StorageClass}} {
		if tag.value != "" {
			tags = append(tags, tag.prefix+tag.value)
		}
	}
	for _, mode := range d.AccessModes {
		tags = append(tags, accessModeTag+mode)
	}
	return tags
}

// Described reads the description of the claim off the backup's tags. Anybody may
// have written them: who goes by them must be able to take any text.
func (b Backup) Described() Described {
	var d Described
	for _, tag := range b.Tags {
		prefix, value, _ := strings.Cut(tag, "=")
		switch prefix + "=" {
		case capacityTag:
			d.Capacity = value
		case storageClassTag:
			d.StorageClass = value
		case accessModeTag:
			d.AccessModes = append(d.AccessModes, value)
		}
	}
	return d
}

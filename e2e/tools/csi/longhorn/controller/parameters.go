package controller

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/soteria-dr/soteria/e2e/tools/csi/longhorn/api"
)

// The parameters of a storage class that the driver understands. It takes no notice of others, as Longhorn's own driver
// does not: many are for what happens in Longhorn's data path.
const (
	paramReplicas           = "numberOfReplicas"
	paramStaleReplica       = "staleReplicaTimeout"
	paramShare              = "share"
	paramEncrypted          = "encrypted"
	paramFromBackup         = "fromBackup"
	paramBackupTarget       = "backupTargetName"
	paramDataEngine         = "dataEngine"
	paramDataLocality       = "dataLocality"
	paramNoRevisionCounter  = "disableRevisionCounter"
	paramNodeSelector       = "nodeSelector"
	paramDiskSelector       = "diskSelector"
	paramMigratable         = "migratable"
	paramRecurringJobs      = "recurringJobSelector"
	defaultStaleReplicaMins = 2880
)

// volumeFor reads what a volume is to be from the parameters of its class. As Longhorn's own driver does, it makes a volume
// that is not shared without regard to migratable, which Longhorn would refuse, and writes that down in the parameters.
func volumeFor(parameters map[string]string) (api.NewVolume, error) {
	volume := api.NewVolume{
		StaleReplicaTimeout:     defaultStaleReplicaMins,
		Frontend:                api.FrontendBlockDevice,
		DataEngine:              api.DataEngineV1,
		RevisionCounterDisabled: true,
	}
	for key, value := range parameters {
		if err := set(&volume, key, value); err != nil {
			return api.NewVolume{}, fmt.Errorf("invalid parameter %s: %w", key, err)
		}
	}
	if volume.Migratable && volume.AccessMode != api.AccessReadWriteMany {
		volume.Migratable, parameters[paramMigratable] = false, "false"
	}
	if volume.StaleReplicaTimeout <= 0 {
		volume.StaleReplicaTimeout = defaultStaleReplicaMins
	}
	return volume, nil
}

// set reads one parameter into the volume.
func set(volume *api.NewVolume, key, value string) (err error) {
	switch key {
	case paramReplicas:
		volume.NumberOfReplicas, err = strconv.Atoi(value)
		if err == nil && volume.NumberOfReplicas < 0 {
			err = fmt.Errorf("%d is below zero", volume.NumberOfReplicas)
		}
	case paramStaleReplica:
		volume.StaleReplicaTimeout, err = strconv.Atoi(value)
	case paramShare:
		volume.AccessMode, err = accessMode(value)
	case paramEncrypted:
		volume.Encrypted, err = strconv.ParseBool(value)
	case paramNoRevisionCounter:
		volume.RevisionCounterDisabled, err = strconv.ParseBool(value)
	case paramFromBackup:
		volume.FromBackup = value
	case paramBackupTarget:
		volume.BackupTargetName = value
	case paramDataEngine:
		volume.DataEngine = value
	case paramDataLocality:
		volume.DataLocality = value
	case paramNodeSelector:
		volume.NodeSelector = strings.Split(value, ",")
	case paramMigratable:
		volume.Migratable, err = strconv.ParseBool(value)
	case paramRecurringJobs:
		err = json.Unmarshal([]byte(value), &volume.RecurringJobSelector)
	case paramDiskSelector:
		volume.DiskSelector = strings.Split(value, ",")
	}
	return err
}

func accessMode(share string) (string, error) {
	shared, err := strconv.ParseBool(share)
	if err != nil || !shared {
		return api.AccessReadWriteOnce, err
	}
	return api.AccessReadWriteMany, nil
}

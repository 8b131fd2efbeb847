package backup

// FarLess is how many times more one backup holds than another that holds far
// less than it. Logs that rotate, caches that are emptied and databases that are
// compacted stay below it as a rule; a volume that was wiped or made again does not.
const FarLess = 4

// Collapsed reports whether newer holds far less than older: at most one part in
// [FarLess] of its files or of its data. What is not known of both is not compared.
// It is a reason to tell a person, and to keep older; it proves no loss.
func Collapsed(newer, older Backup) bool {
	return farLess(newer.Files, older.Files) || farLess(newer.DataBytes, older.DataBytes)
}

func farLess(newer, older int64) bool {
	return newer >= 0 && older > 0 && newer <= older/FarLess
}

// Shrunk reports whether newer holds less than older by more than percent of its
// files or of its data, so that data may have been lost between the two. What is
// not known of both is not compared; with 100 nothing has shrunk.
func Shrunk(newer, older Backup, percent int) bool {
	return fell(newer.Files, older.Files, percent) || fell(newer.DataBytes, older.DataBytes, percent)
}

// LostMost reports whether newer lost most of what older held: more than percent
// of its files, and of its data too as far as that is known of both. Many files
// that became few while the data stayed are no loss: a compaction, or packed
// objects. Of backups whose files are not counted it is never true.
func LostMost(newer, older Backup, percent int) bool {
	bytesKnown := newer.DataBytes >= 0 && older.DataBytes >= 0
	return fell(newer.Files, older.Files, percent) && (!bytesKnown || fell(newer.DataBytes, older.DataBytes, percent))
}

func fell(newer, older int64, percent int) bool {
	return newer >= 0 && older > 0 && float64(older)-float64(newer) > float64(older)*float64(percent)/100
}

// Comparable reports whether anything that two backups hold can be compared: the
// number of files or the amount of data is known of both.
func Comparable(a, b Backup) bool {
	return a.Files >= 0 && b.Files >= 0 || a.DataBytes >= 0 && b.DataBytes >= 0
}

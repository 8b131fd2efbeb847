// Package controller is the CSI Controller service of driver.longhorn.io: it translates calls into those of Longhorn's
// REST API and waits until Longhorn has done what was asked, with the answers, the names and the defaults of Longhorn's
// own driver. Snapshots and clones are not offered.
package controller

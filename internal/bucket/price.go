package bucket

import (
	"math/big"
	"regexp"
	"strconv"

	"github.com/soteria-dr/soteria/internal/backup"
)

// bytesPerGB is what stores bill by: the decimal gigabyte.
const bytesPerGB = 1_000_000_000

// costDigits is how many digits after the point an estimate has: small buckets
// cost less than a cent.
const costDigits = 4

var decimal = regexp.MustCompile(`^[0-9]{1,9}(\.[0-9]{1,9})?$`)

// Price is what one gigabyte, of 10⁹ bytes, costs in a month. [ParsePrice] makes
// it.
type Price struct {
	perGB    *big.Rat
	currency string
}

// ParsePrice reads a price such as "0.006" exactly.
func ParsePrice(text, currency string) (Price, error) {
	perGB, readable := new(big.Rat).SetString(text)
	if !readable || !decimal.MatchString(text) {
		return Price{}, backup.Errorf(backup.Invalid, "%.40q is not a price such as 0.006", text)
	}
	return Price{perGB: perGB, currency: currency}, nil
}

// monthly estimates what so many bytes cost in a month, storage alone.
func (p Price) monthly(bytes int64) float64 {
	cost := new(big.Rat).Mul(big.NewRat(bytes, bytesPerGB), p.perGB)
	// FloatString writes what ParseFloat reads.
	rounded, _ := strconv.ParseFloat(cost.FloatString(costDigits), 64)
	return rounded
}

module steplog

go 1.26.0

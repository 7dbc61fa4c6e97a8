module memberlog

go 1.26.0

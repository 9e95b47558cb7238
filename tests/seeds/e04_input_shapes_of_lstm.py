from keras.models import Sequential
from keras.layers import LSTM

model_1 = model = Sequential()
model.add(LSTM(32, input_shape=(10, 64)))

model_2 = model = Sequential()
model.add(LSTM(32, batch_input_shape=(None, 10, 64)))

model_3 = model = Sequential()
model.add(LSTM(32, input_length=10, input_dim=64))
